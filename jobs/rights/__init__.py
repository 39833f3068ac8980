"""The rights of a person: to be erased, to see what is held, and to know who looked."""
