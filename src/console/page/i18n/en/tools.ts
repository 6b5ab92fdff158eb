/** The texts of the view tools. */
export const tools = {}
