"""What the agent says of itself: facts as JSON, and a page on loopback."""
