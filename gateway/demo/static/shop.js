// The shop's pages begin here. The tag has begun before; what is pushed from here it hears.

import * as banner from './banner.js';
import * as cart from './cart.js';
import * as panel from './panel.js';
import * as thanks from './thanks.js';

panel.start(panel.show);
banner.start(panel.show);
if (window.dataLayer) cart.start();
thanks.start();
