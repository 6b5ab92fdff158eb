import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Surface, surfaces } from '../talk/surface.ts'
import { findProgram } from './find-program.ts'
import { startProgram } from './program.ts'
import type { Recipe } from './recipe.ts'

const needs = "Debian's package nginx"

/** A proxy that knows nothing of chats shows what the checks ask beyond passing bytes on. */
const configuration = (port: number, upstreamPort: number) => `daemon off;
pid nginx.pid;
error_log stderr error;
events {}
http {
  access_log off;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 0;
    location / {
      proxy_pass http://127.0.0.1:${upstreamPort};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
    }
  }
}
`

export const nginx: Recipe = {
  name: 'nginx',
  needs,
  async start({ upstreamPort, port, folder }) {
    const command = findProgram('nginx', needs)
    await writeFile(join(folder, 'nginx.conf'), configuration(port, upstreamPort))
    await mkdir(join(folder, 'logs'), { recursive: true })
    const url = `http://127.0.0.1:${port}`
    const program = await startProgram({
      command: [...command, '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'],
      ...{ folder, readyUrl: url, environment: {} },
    })
    const lanes = surfaces.map((surface: Surface) => ({ name: surface, surface, model: `torture-${surface}` }))
    return { target: { url, lanes, pid: program.pid }, version: await versionOf(command), stop: () => program.stop() }
  },
}

async function versionOf(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command, '-v'], { stdout: 'ignore', stderr: 'pipe' })
  return /nginx\/(\S+)/.exec(await child.stderr.text())?.[1] ?? 'unknown'
}
