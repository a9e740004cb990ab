"""The command line: one function a command, from typed options to a step or a tool."""
