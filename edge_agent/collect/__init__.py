"""From devices to samples: when to read, what to keep of it, what to say when it fails."""
