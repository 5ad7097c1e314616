"""The edge agent: reads PLCs, keeps everything on disk, publishes it until the server has it."""
