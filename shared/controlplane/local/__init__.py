"""The whole machine on this computer, on an emulated AWS account."""
