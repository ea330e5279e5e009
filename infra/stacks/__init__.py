"""The stacks, one per lifetime: what keeps data, apart from what can be rebuilt."""
