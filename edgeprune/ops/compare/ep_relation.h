/* What one number may be to another; compare/relations.py has the same bits. */
#ifndef EP_RELATION_H
#define EP_RELATION_H

#define EP_LESS 1
#define EP_EQUAL 2
#define EP_GREATER 4
#define EP_UNORDERED 8

/* Whether x is to y one of the things that `relation` allows. */
#define EP_HOLDS(relation, x, y) \
    (((relation) & ((x) < (y) ? EP_LESS : (x) == (y) ? EP_EQUAL : (x) > (y) ? EP_GREATER : EP_UNORDERED)) != 0)

#endif
