# SPDX-License-Identifier: Apache-2.0
# Rules about the tree itself.

CHECK += check-tree

.PHONY: check-tree
check-tree: $(SETUP) ## licences, layers, file sizes, no path of a machine
	python3 $(ROOT)/tests/tree/check.py $(ROOT)
