"""One file a system: how its own experts would write each workload.

A file has ``PREPARE``: workload name -> function of the data, the number of threads and the precision, which returns a
function of the number of steps that does them and returns the last loss.
"""
