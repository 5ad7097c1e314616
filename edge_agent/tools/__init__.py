"""What an automation engineer does with an edge besides running it; a module a command."""
