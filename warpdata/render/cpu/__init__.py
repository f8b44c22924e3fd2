"""The kernels of the CPU renderer, a stage a file, and what runs them."""
