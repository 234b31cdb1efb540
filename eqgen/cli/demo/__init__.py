"""The main job on real input: the a/b/c layer on all graphs of seven nodes, from the data to the proof."""
