/** Images of a page of the list. */
export const PAGE_ROWS = 48;
