"""What the numbers in a file mean, whoever says it in whichever way, and from there to sRGB."""
