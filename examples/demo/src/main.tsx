import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/shell.css';
import './styles/channels.css';
import './styles/picker.css';
import './styles/messages.css';
import './styles/bubbles.css';
import './styles/composer.css';
import './styles/dialogs.css';
import './styles/forms.css';

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './ui/App';

// `?dir=rtl` shows the app as readers of Arabic and Hebrew see it.
const direction = new URLSearchParams(location.search).get('dir');
if (direction === 'rtl') document.documentElement.dir = 'rtl';

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
