"""A simulated master held against recordings of a real one: ``wavetank verify control``.

recording      reads a file and says what is wrong with it
history        a log, recorded or simulated, by pod, minion and controller
observations   what is compared, computed from a log; pace, lives, outages and curves hold the parts
seeds          the same observations of many simulated logs, in worker processes
agreement      what counts as agreement: one observation, then all together
table          prints it
"""
