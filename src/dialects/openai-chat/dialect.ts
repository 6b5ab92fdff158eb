/** The dialect's name in requests, native chunks and extras. */
export const dialect = 'openai-chat'
