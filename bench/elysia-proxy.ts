/** A server on Elysia that only parses each request and each reply, and writes them again. It passes streams through. */
import { Elysia } from 'elysia'

const upstream = new URL(process.env.OPENAI_BASE_URL ?? 'http://127.0.0.1').origin

const app = new Elysia()
  .get('/*', async ({ request }) => relay(await fetch(upstream + new URL(request.url).pathname)))
  .post('/v1/chat/completions', async ({ body, request: { signal } }) => {
    const headers = { 'content-type': 'application/json' }
    const asked = { method: 'POST', headers, body: JSON.stringify(body), signal }
    return relay(await fetch(`${upstream}/v1/chat/completions`, asked))
  })
  .listen({ hostname: '127.0.0.1', port: 0, idleTimeout: 0 })

async function relay(answer: Response): Promise<Response> {
  const type = answer.headers.get('content-type') ?? 'application/json'
  if (type.startsWith('application/json')) return Response.json(await answer.json(), { status: answer.status })
  return new Response(answer.body, { status: answer.status, headers: { 'content-type': type } })
}

console.log(`elysia on http://127.0.0.1:${app.server?.port}`)
