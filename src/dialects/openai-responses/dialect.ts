/** The name of OpenAI's Responses API, also in extras and native chunks. */
export const dialect = 'openai-responses'
