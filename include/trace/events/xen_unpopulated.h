/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xen_unpopulated

#if !defined(_TRACE_XEN_UNPOPULATED_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_XEN_UNPOPULATED_H

#include <linux/ioport.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

/* The addresses of a region. */
DECLARE_EVENT_CLASS(xen_unpopulated_region,
		    TP_PROTO(const struct resource *res),
		    TP_ARGS(res),
		    TP_STRUCT__entry(__field(u64, start)
				     __field(u64, end)),
		    TP_fast_assign(__entry->start = res->start;
				   __entry->end = res->end;),
		    TP_printk("%#llx-%#llx", __entry->start, __entry->end)
);

DEFINE_EVENT(xen_unpopulated_region, xen_unpopulated_grow,
	     TP_PROTO(const struct resource *res),
	     TP_ARGS(res)
);

DEFINE_EVENT(xen_unpopulated_region, xen_unpopulated_release,
	     TP_PROTO(const struct resource *res),
	     TP_ARGS(res)
);

/* A growth by @size bytes below @limit failed. */
TRACE_EVENT(xen_unpopulated_failure,
	    TP_PROTO(u64 size, u64 limit, int error),
	    TP_ARGS(size, limit, error),
	    TP_STRUCT__entry(__field(u64, size)
			     __field(u64, limit)
			     __field(int, error)),
	    TP_fast_assign(__entry->size = size;
			   __entry->limit = limit;
			   __entry->error = error;),
	    TP_printk("size=%#llx limit=%#llx error=%d", __entry->size,
		      __entry->limit, __entry->error)
);

#endif /* _TRACE_XEN_UNPOPULATED_H */

#include <trace/define_trace.h>
