# The parts of awslambdaric that functions.runtime builds on; the package itself carries no types.
