#include "proxy/http/http_page.h"

#include "proxy/http/page.h"

static const uint8_t document[] = {HTTP_PAGE_BYTES};

struct span
http_page(void)
{
	return span_of(document, sizeof(document));
}

const char *
http_page_policy(void)
{
	return "default-src 'none'; connect-src 'self'; img-src data:; "
	       "script-src '" HTTP_PAGE_SCRIPT_HASH "'; "
	       "style-src '" HTTP_PAGE_STYLE_HASH "'; "
	       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}
