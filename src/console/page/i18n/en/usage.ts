/** The texts of the view usage. */
export const usage = {}
