"""From the buffer to the server: what to send next, and what its answers mean."""
