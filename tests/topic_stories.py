"""A short news story for each top concept of IPTC Media Topics; all names and events are invented."""

from __future__ import annotations

from transforms.functions.topic_texts import TopicText

STORIES = {
    "01": TopicText(
        "Marlow Dene's second film opens festival",
        "The director Marlow Dene opened the Port Alder film festival with her second film, a comedy about a "
        "touring orchestra. Critics praised the actors and the music, and the singer Ida Quill played songs from "
        "her new album at the premiere. The movie comes to cinemas in May, and a television series by the same "
        "studio will follow. A gallery beside the theatre shows paintings by the film's designer.",
    ),
    "02": TopicText(
        "Man jailed for robbing jeweller",
        "A court in Grauwick sentenced a man to nine years in prison for armed robbery. The jury found him guilty "
        "of holding up a jeweller with a knife and stealing watches. Police arrested the suspect two days after "
        "the crime, when detectives traced his car. The judge said that the victim had been terrified. The defence "
        "lawyer told the court that his client would appeal against the conviction.",
    ),
    "03": TopicText(
        "Earthquake buries villages; rescuers dig for survivors",
        "An earthquake of magnitude 6.8 struck the valley of Tarn before dawn, destroying hundreds of houses. "
        "Rescue teams and firefighters dug through the rubble for survivors, and the emergency services said that "
        "at least forty people were killed. Landslides blocked roads, and floods threaten villages below a damaged "
        "dam. Thousands were evacuated to tents as aftershocks went on. The disaster is the worst in the region "
        "for decades.",
    ),
    "04": TopicText(
        "Steelmaker's profits fall as prices drop",
        "The steelmaker Harrow & Vane said that its profits fell by a third in the quarter, as prices dropped and "
        "energy became dearer. Its shares lost 8 percent on the stock exchange. The chief executive told investors "
        "that sales to carmakers would recover next year. Analysts at the bank Lorne expect inflation and higher "
        "interest rates to weigh on the company's revenue, and a rival may bid to buy the group.",
    ),
    "05": TopicText(
        "Pupils to get longer lessons in new curriculum",
        "Schools will teach longer lessons in reading and mathematics from September, the education ministry said. "
        "Head teachers welcomed the new curriculum, but said that classrooms were full and that many teachers had "
        "left. Pupils will sit exams in both subjects at the end of primary school. Universities, which train the "
        "teachers, asked for more places for students, and parents asked for smaller classes.",
    ),
    "06": TopicText(
        "River plastic kills seabirds, survey finds",
        "Plastic pollution in the river Aune is killing seabirds and fish, conservationists say. Volunteers "
        "counted species along the coast and found that half the nests held plastic waste. The wildlife trust "
        "wants the wetland to be a nature reserve. Carbon emissions and climate change add to the threat, as "
        "warmer water harms the ecosystem, and deforestation upstream washes soil into the habitat of endangered "
        "otters.",
    ),
    "07": TopicText(
        "Hospitals test new vaccine against fever",
        "Doctors at three hospitals have begun to test a vaccine against marsh fever. Patients with the disease "
        "suffer from pain, and in one in ten the infection reaches the heart. Nurses will give two doses of the "
        "vaccine to 900 people. The health service said that the treatment, if the clinical trial succeeds, could "
        "be offered at surgeries next winter. Symptoms should be reported to a doctor, it added.",
    ),
    "08": TopicText(
        "Rescued dog finds its owner after three years",
        "A dog that went missing on a family holiday has found its owner again after three years. Biscuit, a small "
        "terrier, walked into a bakery forty miles from home and sat down by the door. The baker posted a photo, "
        "and a delighted grandmother recognised her pet at once. The unusual reunion made neighbours cry with joy. "
        "A birthday party with a cake in the shape of a bone was held for the lucky animal, and for the woman who "
        "turned one hundred years old on the very same day.",
    ),
    "09": TopicText(
        "Dockers vote to strike over pay",
        "Dockers at Port Alder have voted to strike for two weeks in a dispute over pay. Their trade union said "
        "that employers had offered workers a rise far below inflation and had threatened redundancies. Nine in "
        "ten members voted for the walkout. The employer said that talks with the union would go on. Job cuts and "
        "unpaid overtime have angered staff, and picket lines are planned at each gate from Monday.",
    ),
    "10": TopicText(
        "A weekend in Tarnmoor: where to eat and stay",
        "Tarnmoor is an easy weekend trip for travellers who like long walks and good food. Start with breakfast "
        "at a cafe on the quay, where the chef bakes with butter and lemon. Hotels near the beach are cheap in "
        "spring. Pack a pair of boots for the hike to the lighthouse, and book a table at the restaurant for the "
        "recipe that made it famous: roast fish with garlic and a glass of local wine. Gardeners will love the old "
        "park.",
    ),
    "11": TopicText(
        "Prime minister calls early election",
        "The prime minister has called an early election for June after her coalition lost a vote in parliament. "
        "Opposition parties said that the government had failed voters. Ministers will meet the president on "
        "Monday, and lawmakers will debate the budget bill before parliament is dissolved. A poll puts the two "
        "main parties level. Foreign diplomats expect the campaign to turn on the treaty with the neighbouring "
        "country.",
    ),
    "12": TopicText(
        "Bishop asks churches to open doors to pilgrims",
        "The bishop of Grauwick asked churches to open their doors to pilgrims through Lent. Priests will hold "
        "mass at dawn in the cathedral, and a mosque and a synagogue nearby will offer prayers for peace on the "
        "same day. The pope sent a letter to the faithful. Theologians called the meeting of Christian, Muslim and "
        "Jewish leaders a sign of faith, and monks from the monastery will sing hymns and read from the Bible.",
    ),
    "13": TopicText(
        "Telescope finds water on distant planet",
        "Astronomers have found water vapour around a planet that orbits a small star, a study in a journal says. "
        "The scientists used a space telescope and new software that learns to tell signals from noise. "
        "Researchers at the laboratory said that the data came from two years of observations. A second team of "
        "physicists will test the result with an instrument on a satellite. The technology could help engineers to "
        "build better sensors.",
    ),
    "14": TopicText(
        "Families of refugees wait for housing",
        "Hundreds of refugee families still wait for homes in Grauwick, a charity says. Migrants and asylum "
        "seekers live in crowded hostels, and children share rooms with strangers. Campaigners against "
        "discrimination and racism said that poverty and homelessness hit women and minority communities hardest. "
        "The charity asked for volunteers who would help elderly people, disabled residents and young families in "
        "the community.",
    ),
    "15": TopicText(
        "Late goal sends Alder United to the final",
        "A goal in the last minute sent Alder United to the cup final. The striker Ben Orme scored twice, and the "
        "goalkeeper saved a penalty in the second half. The manager said that his team had played its best match "
        "of the season. United will meet the league champions at the stadium on Saturday. The captain, who missed "
        "three games with an injured knee, trained with the players and the coach on Monday.",
    ),
    "16": TopicText(
        "Troops shell border town as ceasefire fails",
        "Troops shelled a border town on Sunday as a ceasefire collapsed after two days. Rebels said that soldiers "
        "had fired missiles and artillery at their positions, and that an air strike killed eleven fighters. The "
        "army said that its forces were attacked with drones first. Civilians fled the fighting. The war has "
        "killed thousands since the invasion, and peace talks between the militias and the military have failed.",
    ),
    "17": TopicText(
        "Storm brings snow and strong winds, forecasters warn",
        "Forecasters warned of heavy snow and strong winds across the north on Thursday as a storm moves in from "
        "the sea. Temperatures will fall to minus nine degrees overnight, with freezing rain on the hills. The "
        "weather service issued a yellow warning for ice and fog. Rain will follow at the weekend with "
        "thunderstorms, and sunny spells are forecast for Monday, when it will be mild and dry with a light "
        "breeze.",
    ),
}
"""By the first two digits of the concept's id."""
