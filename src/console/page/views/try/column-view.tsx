import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { Combobox } from '../../kit/combobox.tsx'
import { Untrusted } from '../../kit/untrusted.tsx'
import type { ListedModel } from '../../session/models.ts'
import { AnswerView } from './answer-view.tsx'
import { type Column, columns, isAnswering, removeColumn, save, stopColumn, type Turn } from './conversation.ts'
import { useFollowEnd } from './follow-end.ts'

interface ColumnProps {
  readonly column: Column
  readonly models: readonly ListedModel[]
}

/** The turns that are shown at first, and with each press on "earlier". More of them would only use memory. */
const turnsAtOnce = 8

/** A model and its answers. */
export function ColumnView({ column, models }: ColumnProps) {
  const { try: words } = texts.value
  const { area, content, isAtEnd, toEnd, onScroll } = useFollowEnd()
  const shown = useSignal(turnsAtOnce)
  const { turns, model } = column
  const count = turns.value.length
  // what the reader has just asked is shown
  useEffect(() => toEnd(), [count])
  const earlier = count - shown.value
  return (
    <section class="column" aria-label={model.value || words.noModel}>
      <ColumnHead column={column} models={models} />
      <div
        class="thread"
        ref={area}
        onScroll={onScroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled with the keyboard
        tabIndex={0}
        role="region"
        aria-label={words.thread(model.value)}
      >
        <div class="turns" ref={content}>
          {count === 0 && <p class="quiet-text begin">{words.begin}</p>}
          {earlier > 0 && (
            <Button kind="quiet" onPress={() => void (shown.value += turnsAtOnce)}>
              {words.earlier(earlier)}
            </Button>
          )}
          {turns.value.slice(-shown.value).map((turn) => (
            <TurnView key={turn.id} turn={turn} model={model.value} />
          ))}
        </div>
      </div>
      {!isAtEnd.value && (
        <div class="to-end">
          <Button icon="down" label={words.toEnd} onPress={toEnd} />
        </div>
      )}
    </section>
  )
}

function ColumnHead({ column, models }: ColumnProps) {
  const { try: words } = texts.value
  const { model } = column
  const isBusy = isAnswering(column)
  return (
    <header class="column-head">
      <Combobox
        label={words.model}
        placeholder={words.noModel}
        value={model.value}
        choices={models.map(({ id, members }) => ({ value: id, note: members && words.panel(members.length) }))}
        words={{ nothing: words.noSuchModel, more: words.moreModels }}
        disabled={isBusy}
        onChoose={(name) => {
          model.value = name
          save()
        }}
      />
      {isBusy ? (
        <Button icon="stop" label={words.stopOne(model.value)} onPress={() => stopColumn(column)} />
      ) : (
        columns.value.length > 1 && (
          <Button kind="quiet" icon="close" label={words.remove(model.value)} onPress={() => removeColumn(column)} />
        )
      )}
    </header>
  )
}

function TurnView({ turn, model }: { readonly turn: Turn; readonly model: string }) {
  const { try: words } = texts.value
  return (
    <article class="turn">
      <h2 class="unseen">{words.you}</h2>
      <p class="prompt" dir="auto">
        <Untrusted text={turn.prompt} max={1_200} />
      </p>
      <h3 class="unseen">{words.answerOf(model)}</h3>
      <AnswerView answer={turn.answer} />
    </article>
  )
}
