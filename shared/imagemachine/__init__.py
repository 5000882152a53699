"""Image Machine: an upload lands in a bucket, seconds later its variants are there."""
