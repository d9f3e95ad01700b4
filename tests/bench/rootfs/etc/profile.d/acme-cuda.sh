# Where the CUDA toolkit is.
PATH=/usr/local/cuda/bin:$PATH
export PATH
