"""The codec in this process, without the shortcuts that are named: python -m benchmarks.peers.ablated [SHORTCUT ...]"""

import sys

from benchmarks.peers.child import serve
from benchmarks.peers.ours import codec, engine
from imagemachine.shortcuts import Shortcut, without

if __name__ == "__main__":
    with without(*map(Shortcut, sys.argv[1:])):
        serve(engine(), codec)
