import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'

export function ToolsView() {
  return <View title={texts.value.views.tools}>{null}</View>
}
