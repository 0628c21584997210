//! The faus command line, and the library an experiment calls to run the whole job.
