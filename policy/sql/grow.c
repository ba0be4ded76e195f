#include "policy/sql/grow.h"

#include <stdlib.h>

void *
grow_array(void *items, size_t count, size_t item_bytes, size_t least)
{
	size_t capacity = count == 0 ? least : 2 * count;

	if (count > 0 && (count < least || (count & (count - 1)) != 0))
		return items;
	return realloc(items, capacity * item_bytes);
}
