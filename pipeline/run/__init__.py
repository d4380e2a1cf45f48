"""One run from the command line to its report: planned, put to work, shown, summed up."""
