# SPDX-License-Identifier: Apache-2.0
# The agent as a program, with nothing around it.

CHECK += check-agent

.PHONY: check-agent
check-agent: build-usr ## the agent with everything absent: answers, refusals, exit codes
	python3 $(ROOT)/tests/agent/absent.py $(USR)/usr/agent/attestmeshd
