#!/bin/sh
# Leaves in the Python packages at $1 what the functions use.
set -eu
cd "$1"

# botocore describes some 400 services in 16 MB; the functions call four. The rest of data/ is no service: endpoints,
# partitions, retries and defaults.
for service in botocore/data/*/; do
    case "$service" in
        botocore/data/s3/ | botocore/data/sqs/ | botocore/data/sns/ | botocore/data/dynamodb/) ;;
        *) rm -r "$service" ;;
    esac
done
# Read at every cold start: unpacking costs more than the larger file.
find botocore/data -name '*.gz' -exec gunzip {} +
# Examples, and boto3's resource layer, are never asked for.
rm -rf botocore/data/*/*/examples-1.json boto3/data/* boto3/examples

find . -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -r {} +
rm -rf bin
# Type hints and C sources of compiled modules.
find . -type f \( -name '*.pyi' -o -name '*.c' -o -name '*.h' -o -name 'py.typed' \) -delete
# Tk and Qt, of which there are none here.
rm -f PIL/ImageTk.py PIL/_tkinter_finder.py PIL/_imagingtk*.so PIL/ImageQt.py PIL/ImageGrab.py

find . -name '*.so' -exec strip --strip-unneeded {} +
