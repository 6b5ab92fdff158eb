/** The dialect's name, as requests, chunks and extras bear it. */
export const dialect = 'openai-chat'
