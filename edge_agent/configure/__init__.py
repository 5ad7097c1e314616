"""Which configuration runs: the edge's own file or a pushed one, changed while the agent runs."""
