"""What stands around a run: command line, sweeps, statistics, reports, benchmarks."""
