"""How benchmarks measure and report, and the floors that figures are compared with."""
