# Everything the benchmark installs, pinned. Sourced by setup.sh and by nothing else.
# shellcheck shell=bash disable=SC2034
PILLOW=13.0.0            # the seed's library as it is published
PILLOW_SIMD=12.1.1.post0 # whose code Pillow runs in the images
ZLIB_NG=1.1.0            # the Python package whose source archive holds the whole of zlib-ng
PYVIPS=3.2.0
PYVIPS_BINARY=8.18.7     # libvips 8.18 and its codecs
NUMPY=2.4.6              # for the similarity measure alone
# What the library needs besides Pillow, as in the images:
BOTO3=1.43.106
PILLOW_HEIF=1.8.1
AWSLAMBDARIC=4.2.2
