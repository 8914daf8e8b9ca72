"""Which scheduling policy waits least, strands least and allocates most on a loaded GPU cluster; see README.md."""
