/*
 * queue.h - lists that run through their items, as <sys/queue.h> of the BSDs
 * has them: what is used of it, for C libraries that lack that header.
 *
 * LIST    goes forth; an item leaves by itself.
 * STAILQ  goes forth, and is added to at its end; the first item leaves.
 * TAILQ   goes both ways, and is added to at either end; any item leaves.
 *
 * An item has an ENTRY for each list that it can be in, which is its `field`.
 * Arguments are evaluated more than once.  FOREACH must not lose its item.
 */
#ifndef LOCKSTEP_PROXY_BASE_QUEUE_H
#define LOCKSTEP_PROXY_BASE_QUEUE_H

#include <stddef.h>

#define LIST_HEAD(name, type)                                                  \
	struct name {                                                          \
		struct type *lh_first;                                         \
	}

/* le_prev is what points at the item. */
#define LIST_ENTRY(type)                                                       \
	struct {                                                               \
		struct type *le_next;                                          \
		struct type **le_prev;                                         \
	}

#define LIST_INIT(head) ((void)((head)->lh_first = NULL))
#define LIST_FIRST(head) ((head)->lh_first)
#define LIST_EMPTY(head) ((head)->lh_first == NULL)
#define LIST_NEXT(item, field) ((item)->field.le_next)

#define LIST_INSERT_HEAD(head, item, field)                                    \
	do {                                                                   \
		(item)->field.le_next = (head)->lh_first;                      \
		(item)->field.le_prev = &(head)->lh_first;                     \
		if ((item)->field.le_next != NULL)                             \
			(item)->field.le_next->field.le_prev =                 \
			    &(item)->field.le_next;                            \
		(head)->lh_first = (item);                                     \
	} while (0)

#define LIST_REMOVE(item, field)                                               \
	do {                                                                   \
		if ((item)->field.le_next != NULL)                             \
			(item)->field.le_next->field.le_prev =                 \
			    (item)->field.le_prev;                             \
		*(item)->field.le_prev = (item)->field.le_next;                \
	} while (0)

#define LIST_FOREACH(item, head, field)                                        \
	for ((item) = LIST_FIRST(head); (item) != NULL;                        \
	     (item) = LIST_NEXT(item, field))

/* stqh_last is where the next item is to be pointed at. */
#define STAILQ_HEAD(name, type)                                                \
	struct name {                                                          \
		struct type *stqh_first;                                       \
		struct type **stqh_last;                                       \
	}

#define STAILQ_ENTRY(type)                                                     \
	struct {                                                               \
		struct type *stqe_next;                                        \
	}

#define STAILQ_INIT(head)                                                      \
	do {                                                                   \
		(head)->stqh_first = NULL;                                     \
		(head)->stqh_last = &(head)->stqh_first;                       \
	} while (0)

#define STAILQ_FIRST(head) ((head)->stqh_first)
#define STAILQ_EMPTY(head) ((head)->stqh_first == NULL)

#define STAILQ_INSERT_TAIL(head, item, field)                                  \
	do {                                                                   \
		(item)->field.stqe_next = NULL;                                \
		*(head)->stqh_last = (item);                                   \
		(head)->stqh_last = &(item)->field.stqe_next;                  \
	} while (0)

#define STAILQ_REMOVE_HEAD(head, field)                                        \
	do {                                                                   \
		(head)->stqh_first = (head)->stqh_first->field.stqe_next;      \
		if ((head)->stqh_first == NULL)                                \
			(head)->stqh_last = &(head)->stqh_first;               \
	} while (0)

/* The list's end is a struct like the items' entries: LAST steps back by it. */
#define TAILQ_HEAD(name, type)                                                 \
	struct name {                                                          \
		struct type *tqh_first;                                        \
		struct type **tqh_last;                                        \
	}

#define TAILQ_ENTRY(type)                                                      \
	struct {                                                               \
		struct type *tqe_next;                                         \
		struct type **tqe_prev;                                        \
	}

#define TAILQ_INIT(head)                                                       \
	do {                                                                   \
		(head)->tqh_first = NULL;                                      \
		(head)->tqh_last = &(head)->tqh_first;                         \
	} while (0)

#define TAILQ_FIRST(head) ((head)->tqh_first)
#define TAILQ_EMPTY(head) ((head)->tqh_first == NULL)
#define TAILQ_NEXT(item, field) ((item)->field.tqe_next)
#define TAILQ_LAST(head, name)                                                 \
	(*(((struct name *)(void *)((head)->tqh_last))->tqh_last))

#define TAILQ_INSERT_HEAD(head, item, field)                                   \
	do {                                                                   \
		(item)->field.tqe_next = (head)->tqh_first;                    \
		(item)->field.tqe_prev = &(head)->tqh_first;                   \
		if ((item)->field.tqe_next != NULL)                            \
			(item)->field.tqe_next->field.tqe_prev =               \
			    &(item)->field.tqe_next;                           \
		else                                                           \
			(head)->tqh_last = &(item)->field.tqe_next;            \
		(head)->tqh_first = (item);                                    \
	} while (0)

#define TAILQ_INSERT_TAIL(head, item, field)                                   \
	do {                                                                   \
		(item)->field.tqe_next = NULL;                                 \
		(item)->field.tqe_prev = (head)->tqh_last;                     \
		*(head)->tqh_last = (item);                                    \
		(head)->tqh_last = &(item)->field.tqe_next;                    \
	} while (0)

#define TAILQ_REMOVE(head, item, field)                                        \
	do {                                                                   \
		if ((item)->field.tqe_next != NULL)                            \
			(item)->field.tqe_next->field.tqe_prev =               \
			    (item)->field.tqe_prev;                            \
		else                                                           \
			(head)->tqh_last = (item)->field.tqe_prev;             \
		*(item)->field.tqe_prev = (item)->field.tqe_next;              \
	} while (0)

#define TAILQ_FOREACH(item, head, field)                                       \
	for ((item) = TAILQ_FIRST(head); (item) != NULL;                       \
	     (item) = TAILQ_NEXT(item, field))

#endif
