"""The edge agent: reads the PLCs of one line, keeps everything until the server has it."""
