"""The functions, a module each: what it runs, what calls it, and all that its role may do."""
