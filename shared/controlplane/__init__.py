"""What a person runs: deploys the machine, runs it on this computer, and looks after it. It works on no picture."""
