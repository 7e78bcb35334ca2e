// SPDX-License-Identifier: Apache-2.0
// The public header compiles as C++ and links against the shared library.
#include "attestmesh.h"

#include <cstring>

int main()
{
	struct am *am = nullptr;
	int ret = am_open(&am);

	if (!ret)
		am_close(am);
	return std::strcmp(am_state_name(ATTESTMESH_STATE_UP), "up") != 0;
}
