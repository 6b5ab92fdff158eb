/** The texts of the view keys. */
export const keys = {}
