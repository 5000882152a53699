"""The commands of `./deploy.sh`, a module each, whose `command` is the click command."""
