/*
 * lock_order.c - a topological order of the set.
 *
 * The nodes are the items sorted by OID, so that a lower node is a lower OID.
 * An edge leads from what comes before to what comes after it.
 *
 *  1. find_components() finds the strongly connected components (Tarjan's
 *     way, without recursion: a chain of references may be as long as the
 *     set).
 *  2. A component of several nodes is a cycle, or many; it is broken at its
 *     lowest node, which then waits only for what is outside.
 *  3. graph_arrange() takes the lowest node that waits for none (Kahn's way).
 * When all wait, the rest of a component is cyclic still: the lowest node goes
 *     whose component waits for nothing outside.
 *
 * O((n + e) log n) for n items with e references among them.
 */
#include "policy/catalog/lock_order.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct node {
	size_t first_edge; /* the last one ends where the next node's begin */
	size_t next_edge;  /* the one that the search follows next */
	size_t found;      /* when the search came here, from 1; 0: not yet */
	size_t lowest;     /* Tarjan's low-link */
	size_t component;  /* valid when is_placed */
	size_t waits;      /* edges to here that count and are not yet gone */
	bool is_placed;    /* in a component */
	bool is_done;      /* in the order */
};

struct component {
	size_t first_member; /* ends as a node's edges do */
	size_t lowest;
	size_t waits; /* edges to here from outside, not yet gone */
};

/* A stack, or a binary heap with the lowest on top. */
struct pile {
	size_t *nodes;
	size_t count;
};

struct graph {
	size_t count;
	struct lock_set_place *places;
	struct node *nodes;           /* count + 1 */
	struct component *components; /* count + 1 */
	size_t component_count;
	size_t *edges;
	size_t *memory; /* the room of all piles */
	struct pile path;
	struct pile open;    /* found, and not yet in a component */
	struct pile members; /* component after component */
	struct pile ready;   /* heap: wait for none */
	struct pile stuck;   /* heap: their component waits for none outside */
};

static void
stack_push(struct pile *stack, size_t node)
{
	stack->nodes[stack->count++] = node;
}

static size_t
stack_pop(struct pile *stack)
{
	return stack->nodes[--stack->count];
}

static void
heap_push(struct pile *heap, size_t node)
{
	size_t at = heap->count++;

	for (; at > 0 && heap->nodes[(at - 1) / 2] > node; at = (at - 1) / 2)
		heap->nodes[at] = heap->nodes[(at - 1) / 2];
	heap->nodes[at] = node;
}

static size_t
heap_pop(struct pile *heap)
{
	size_t top = heap->nodes[0];
	size_t last = heap->nodes[--heap->count];
	size_t at = 0;

	for (size_t child = 1; child < heap->count; child = 2 * at + 1) {
		if (child + 1 < heap->count &&
		    heap->nodes[child + 1] < heap->nodes[child])
			child++;
		if (heap->nodes[child] >= last)
			break;
		heap->nodes[at] = heap->nodes[child];
		at = child;
	}
	heap->nodes[at] = last;
	return top;
}

static void
graph_clear(struct graph *g)
{
	free(g->places);
	free(g->nodes);
	free(g->components);
	free(g->edges);
	free(g->memory);
}

static bool
graph_allocate(struct graph *g, const struct lock_set *set)
{
	struct pile *piles[] = {&g->path, &g->open, &g->members, &g->ready,
				&g->stuck};
	size_t pile_count = sizeof(piles) / sizeof(piles[0]);
	size_t edge_count = 0;

	for (size_t i = 0; i < set->count; i++)
		edge_count += set->items[i].before_count;
	g->count = set->count;
	g->places = lock_set_places(set);
	g->nodes = calloc(g->count + 1, sizeof(*g->nodes));
	g->components = calloc(g->count + 1, sizeof(*g->components));
	g->edges = malloc((edge_count + 1) * sizeof(*g->edges));
	g->memory = malloc((g->count + 1) * pile_count * sizeof(*g->memory));
	if (g->places == NULL || g->nodes == NULL || g->components == NULL ||
	    g->edges == NULL || g->memory == NULL)
		return false;
	for (size_t i = 0; i < pile_count; i++)
		piles[i]->nodes = g->memory + i * g->count;
	return true;
}

/*
 * Count the edges of each node in its next_edge if `ends` is NULL; else put
 * each edge's end there where next_edge tells.
 */
static void
graph_walk_edges(struct graph *g, const struct lock_set *set, size_t *ends)
{
	for (size_t to = 0; to < g->count; to++) {
		const struct lock_item *item = &set->items[g->places[to].at];

		for (size_t i = 0; i < item->before_count; i++) {
			size_t from =
			    lock_set_find(g->places, g->count, item->before[i]);

			if (from == g->count || from == to)
				continue;
			if (ends != NULL)
				ends[g->nodes[from].next_edge] = to;
			g->nodes[from].next_edge++;
		}
	}
}

/* Turn the edges round: an item's `before` has where they come from. */
static void
add_edges(struct graph *g, const struct lock_set *set)
{
	size_t end = 0;

	graph_walk_edges(g, set, NULL);
	for (size_t i = 0; i <= g->count; i++) {
		size_t own = g->nodes[i].next_edge;

		g->nodes[i].first_edge = end;
		g->nodes[i].next_edge = end;
		end += own;
	}
	graph_walk_edges(g, set, g->edges);
	for (size_t i = 0; i <= g->count; i++)
		g->nodes[i].next_edge = g->nodes[i].first_edge;
}

static void
search_enter(struct graph *g, size_t node, size_t *clock)
{
	g->nodes[node].found = ++*clock;
	g->nodes[node].lowest = *clock;
	stack_push(&g->path, node);
	stack_push(&g->open, node);
}

static void
close_component(struct graph *g, size_t root)
{
	struct component *c = &g->components[g->component_count];
	size_t node;

	c->first_member = g->members.count;
	c->lowest = root;
	do {
		node = stack_pop(&g->open);
		g->nodes[node].component = g->component_count;
		g->nodes[node].is_placed = true;
		stack_push(&g->members, node);
		if (node < c->lowest)
			c->lowest = node;
	} while (node != root);
	g->component_count++;
}

static void
search_leave(struct graph *g)
{
	size_t node = stack_pop(&g->path);
	size_t lowest = g->nodes[node].lowest;

	if (lowest == g->nodes[node].found)
		close_component(g, node);
	if (g->path.count > 0) {
		struct node *parent =
		    &g->nodes[g->path.nodes[g->path.count - 1]];

		if (lowest < parent->lowest)
			parent->lowest = lowest;
	}
}

static void
search_from(struct graph *g, size_t root, size_t *clock)
{
	search_enter(g, root, clock);
	while (g->path.count > 0) {
		size_t at = g->path.nodes[g->path.count - 1];
		struct node *node = &g->nodes[at];
		struct node *next;

		if (node->next_edge == g->nodes[at + 1].first_edge) {
			search_leave(g);
			continue;
		}
		next = &g->nodes[g->edges[node->next_edge++]];
		if (next->found == 0)
			search_enter(g, (size_t)(next - g->nodes), clock);
		else if (!next->is_placed && next->found < node->lowest)
			node->lowest = next->found;
	}
}

static void
find_components(struct graph *g)
{
	size_t clock = 0;

	for (size_t i = 0; i < g->count; i++) {
		if (g->nodes[i].found == 0)
			search_from(g, i, &clock);
	}
	g->components[g->component_count].first_member = g->count;
}

static bool
is_outside(const struct graph *g, size_t from, size_t to)
{
	return g->nodes[from].component != g->nodes[to].component;
}

/* True unless the edge is one that the breaking of a cycle leaves out. */
static bool
edge_counts(const struct graph *g, size_t from, size_t to)
{
	return is_outside(g, from, to) ||
	       to != g->components[g->nodes[to].component].lowest;
}

/* Only a real cycle can be stuck, but a single node does no harm there. */
static void
open_component(struct graph *g, size_t component)
{
	for (size_t i = g->components[component].first_member;
	     i < g->components[component + 1].first_member; i++)
		heap_push(&g->stuck, g->members.nodes[i]);
}

static void
count_waits(struct graph *g)
{
	for (size_t from = 0; from < g->count; from++) {
		for (size_t e = g->nodes[from].first_edge;
		     e < g->nodes[from + 1].first_edge; e++) {
			size_t to = g->edges[e];

			g->nodes[to].waits += edge_counts(g, from, to);
			g->components[g->nodes[to].component].waits +=
			    is_outside(g, from, to);
		}
	}
	for (size_t i = 0; i < g->count; i++) {
		if (g->nodes[i].waits == 0)
			heap_push(&g->ready, i);
	}
	for (size_t i = 0; i < g->component_count; i++) {
		if (g->components[i].waits == 0)
			open_component(g, i);
	}
}

static size_t
graph_next_node(struct graph *g)
{
	size_t node;

	if (g->ready.count > 0)
		return heap_pop(&g->ready);
	do
		node = heap_pop(&g->stuck);
	while (g->nodes[node].is_done);
	return node;
}

static void
graph_release(struct graph *g, size_t from)
{
	g->nodes[from].is_done = true;
	for (size_t e = g->nodes[from].first_edge;
	     e < g->nodes[from + 1].first_edge; e++) {
		size_t to = g->edges[e];
		size_t component = g->nodes[to].component;

		if (edge_counts(g, from, to) && --g->nodes[to].waits == 0 &&
		    !g->nodes[to].is_done)
			heap_push(&g->ready, to);
		if (is_outside(g, from, to) &&
		    --g->components[component].waits == 0)
			open_component(g, component);
	}
}

/* Set order[i] to the item that becomes the i-th, referenced first. */
static void
graph_arrange(struct graph *g, size_t *order)
{
	for (size_t i = 0; i < g->count; i++) {
		size_t node = graph_next_node(g);

		order[i] = g->places[node].at;
		graph_release(g, node);
	}
}

static bool
referenced_first(size_t *order, const struct lock_set *set)
{
	struct graph g = {0};
	bool is_done = graph_allocate(&g, set);

	if (is_done) {
		add_edges(&g, set);
		find_components(&g);
		count_waits(&g);
		graph_arrange(&g, order);
	}
	graph_clear(&g);
	return is_done;
}

static void
order_reverse(size_t *order, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		size_t kept = order[i];

		order[i] = order[count - 1 - i];
		order[count - 1 - i] = kept;
	}
}

/* A name of the list with its rank, or an item with that of its name. */
struct listed {
	const char *name;
	size_t rank;
	size_t position; /* breaks ties */
	size_t at;
};

static int
compare_names(const void *a, const void *b)
{
	const struct listed *x = a;
	const struct listed *y = b;
	int result = strcmp(x->name, y->name);

	return result != 0 ? result : (x->rank > y->rank) - (x->rank < y->rank);
}

static int
compare_ranks(const void *a, const void *b)
{
	const struct listed *x = a;
	const struct listed *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->position < y->position ? -1 : 1;
}

/* The rank of the first name that equals this one, or SIZE_MAX. */
static size_t
name_rank(const struct listed *names, size_t count, const char *name)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(names[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == count || strcmp(names[low].name, name) != 0)
		return SIZE_MAX;
	return names[low].rank;
}

/* The name behind the schema and the first dot outside of quotes. */
static const char *
bare_name(const char *name)
{
	bool is_quoted = false;

	for (const char *s = name; *s != '\0'; s++) {
		if (*s == '"')
			is_quoted = !is_quoted;
		if (*s == '.' && !is_quoted)
			return s + 1;
	}
	return name;
}

static size_t
item_rank(const struct listed *names, size_t count, const char *name)
{
	size_t whole = name_rank(names, count, name);
	size_t bare = name_rank(names, count, bare_name(name));

	return whole < bare ? whole : bare;
}

static bool
listed_first(size_t *order, const struct lock_set *set,
	     const struct lock_order *list)
{
	struct listed *names =
	    calloc(list->name_count + set->count + 1, sizeof(*names));
	struct listed *items;

	if (names == NULL)
		return false;
	items = names + list->name_count;
	for (size_t i = 0; i < list->name_count; i++) {
		names[i].name = list->names[i];
		names[i].rank = i;
	}
	qsort(names, list->name_count, sizeof(*names), compare_names);
	for (size_t i = 0; i < set->count; i++) {
		items[i].at = order[i];
		items[i].position = i;
		items[i].rank = item_rank(names, list->name_count,
					  set->items[order[i]].name);
	}
	qsort(items, set->count, sizeof(*items), compare_ranks);
	for (size_t i = 0; i < set->count; i++)
		order[i] = items[i].at;
	free(names);
	return true;
}

static bool
find_order(size_t *order, const struct lock_set *set,
	   const struct lock_order *wanted)
{
	if (!referenced_first(order, set))
		return false;
	switch (wanted->kind) {
	case LOCK_ORDER_REFERENCED_FIRST:
		return true;
	case LOCK_ORDER_DEPENDENTS_FIRST:
		order_reverse(order, set->count);
		return true;
	case LOCK_ORDER_LIST:
		return listed_first(order, set, wanted);
	}
	abort();
}

bool
lock_order_sort(struct lock_set *set, const struct lock_order *order)
{
	size_t *places = calloc(set->count + 1, sizeof(*places));
	struct lock_item *items = malloc((set->count + 1) * sizeof(*items));
	bool is_sorted =
	    places != NULL && items != NULL && find_order(places, set, order);

	if (is_sorted && set->count > 0) {
		for (size_t i = 0; i < set->count; i++)
			items[i] = set->items[places[i]];
		/* Copied back: lock_set.c knows how large set->items is. */
		memcpy(set->items, items, set->count * sizeof(*items));
	}
	free(places);
	free(items);
	return is_sorted;
}

void
lock_order_promote(struct lock_set *set, size_t index)
{
	struct lock_item first = set->items[index];

	memmove(set->items + 1, set->items, index * sizeof(first));
	set->items[0] = first;
}
