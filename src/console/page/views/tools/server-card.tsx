import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { texts } from '../../i18n/index.ts'
import { Ago } from '../../kit/ago.tsx'
import { Badge, type Tone } from '../../kit/badge.tsx'
import { Button } from '../../kit/button.tsx'
import { Fold } from '../../kit/fold.tsx'
import { SearchField } from '../../kit/search.tsx'
import { attempt, tell } from '../../kit/toast.tsx'
import { Untrusted } from '../../kit/untrusted.tsx'
import { askJson } from '../../session/api.ts'
import { ToolTrial } from './tool-trial.tsx'
import type { OfferedTool, ToolServer } from './types.ts'

interface ServerCardProps {
  readonly server: ToolServer
  /** Whether the address leads to it. */
  readonly isNamed: boolean
  readonly onChange: () => void
}

/** A tool server: how it is, and what it offers. */
export function ServerCard({ server, isNamed, onChange }: ServerCardProps) {
  const words = texts.value.tools
  const { name, transport, since, why, stderr } = server
  const card = useRef<HTMLElement>(null)
  useEffect(() => (isNamed ? card.current?.scrollIntoView() : undefined), [isNamed])
  return (
    <section ref={card} class={isNamed ? 'card server named' : 'card server'}>
      <header class="row spread">
        <h2>
          <bdi>{name}</bdi> <StatusBadge status={server.status} />
        </h2>
        {transport !== 'builtin' && (
          <Button label={words.restartOf(name)} onPress={() => attempt(() => restart(name).finally(onChange))}>
            {words.restart}
          </Button>
        )}
      </header>
      <p class="quiet-text">
        {wordOf(words.transports, transport)} · {words.count(server.tools.length)}
        {since !== null && (
          <>
            {' · '}
            {words.since} <Ago time={since} />
          </>
        )}
      </p>
      {why !== null && <Trouble title={words.lastError} text={why} />}
      {stderr !== null && <Trouble title={words.lastWord} text={stderr} />}
      <ToolList tools={server.tools} />
    </section>
  )
}

async function restart(name: string): Promise<void> {
  const words = texts.value.tools
  const path = `/admin/tool-servers/${encodeURIComponent(name)}/restart`
  const { status } = await askJson<ToolServer>(path, { method: 'POST' })
  if (status === 'failed') return tell(words.failedAgain(name), { isBad: true })
  tell(status === 'connected' ? words.restarted(name) : words.notConnected(name))
}

const tones: Readonly<Record<string, Tone>> = { connected: 'good', failed: 'bad', connecting: 'info' }

function StatusBadge({ status }: { readonly status: string }) {
  return <Badge tone={tones[status] ?? 'quiet'}>{wordOf(texts.value.tools.statuses, status)}</Badge>
}

/** The word for a value of the gateway, or the value itself if the page does not know it. */
function wordOf(words: Readonly<Record<string, string>>, value: string): string {
  return (Object.hasOwn(words, value) && words[value]) || value
}

function Trouble({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <div class="trouble">
      <p class="hint">{title}</p>
      <p>
        <Untrusted text={text} />
      </p>
    </div>
  )
}

const manyTools = 8

function ToolList({ tools }: { readonly tools: readonly OfferedTool[] }) {
  const words = texts.value.tools
  const search = useSignal('')
  const wanted = search.value.trim().toLowerCase()
  const found = tools.filter(({ name, description }) => `${name} ${description ?? ''}`.toLowerCase().includes(wanted))
  if (tools.length === 0) return <p class="quiet-text">{words.noTools}</p>
  return (
    <>
      {tools.length > manyTools && (
        <SearchField label={words.search} value={search.value} onInput={(text) => void (search.value = text)} />
      )}
      {found.length === 0 && <p class="quiet-text">{words.noneFits}</p>}
      <ul class="tool-list">
        {found.map((tool) => (
          <li key={tool.name}>
            <ToolPart tool={tool} />
          </li>
        ))}
      </ul>
    </>
  )
}

function ToolPart({ tool }: { readonly tool: OfferedTool }) {
  const words = texts.value.tools
  const isOpen = useSignal(false)
  const { name, description, parameters } = tool
  return (
    <>
      <div class="row spread">
        <h3>
          <code>
            <bdi>{name}</bdi>
          </code>
        </h3>
        <Button isOpen={isOpen.value} onPress={() => void (isOpen.value = !isOpen.value)}>
          {words.try}
          <span class="unseen">
            : <bdi>{name}</bdi>
          </span>
        </Button>
      </div>
      <p class="about">
        {description ? <Untrusted text={description} /> : <span class="hint">{words.noDescription}</span>}
      </p>
      {isOpen.value && (
        <div class="trial-part">
          <Fold title={words.schema}>
            <pre class="text-box">
              <bdi>{JSON.stringify(parameters, null, 2)}</bdi>
            </pre>
          </Fold>
          <ToolTrial tool={tool} />
        </div>
      )}
    </>
  )
}
