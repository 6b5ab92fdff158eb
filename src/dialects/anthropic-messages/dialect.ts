/** The name of Anthropic's Messages API, also in extras and native chunks. */
export const dialect = 'anthropic-messages'
